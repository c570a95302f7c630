use lunora::cron;

fn main() {
    let _ = cron!("0 3 * *");
}

use lunora::origin;

fn main() {
    let _ = origin!("app.example.com");
}

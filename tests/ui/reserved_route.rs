use lunora::route;

fn main() {
    let _ = route!("GET /_lunora/admin/functions");
}

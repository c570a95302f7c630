use lunora::route;

fn main() {
    let _ = route!("GET healthz");
}

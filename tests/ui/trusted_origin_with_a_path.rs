use lunora::{origin, security::Csrf};

fn main() {
    let _ = Csrf::default().trust(origin!("https://app.example.com/login"));
}

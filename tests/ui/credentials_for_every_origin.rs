use lunora::security::Cors;

fn main() {
    let _ = Cors::any_origin().allow_credentials();
}

use lunora::keep;

fn main() {
    let _ = keep!(0);
}

use lunora::function;

fn main() {
    let _ = function!("send");
}

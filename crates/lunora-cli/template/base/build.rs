//! Fails the build where `wrangler.jsonc` does not have what the code needs.

fn main() {
    lunora_codegen::build_script();
}

use lunora::prelude::*;

fn main() {
    Lunora::builder()
        .resolve_identity(async |request, _env| request.cookie("user").map(Identity::user))
        .build();
}

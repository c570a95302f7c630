use lunora::prelude::*;

fn app(backup: BackupConfig) -> Lunora {
    Lunora::builder()
        .authorize_fan_out(async |access| access.identity.is_some())
        .backup(backup)
        .build()
}

fn main() {
    let _ = app;
}

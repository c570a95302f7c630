//! stub
/// x
#[derive(Debug)]
pub struct QueryCoordinator;

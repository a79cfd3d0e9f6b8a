//! What several test programs share.

pub(crate) mod postgres;
pub(crate) mod proxy;

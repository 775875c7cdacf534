//! Whom a server asks.

use protocol::{Answer, Call};
use rmcp::model::{Extensions, Implementation};
use vocabulary::TraceId;

use crate::hub_link::LinkError;

/// The hub, over whatever leads there. `asked` is what the transport knows of a request: where one server serves
/// several sessions, it says whose request it is.
pub trait Hub: Clone + Send + Sync + 'static {
    /// The client says what it is.
    fn identify(&self, client: &Implementation, asked: &Extensions) -> impl Future<Output = ()> + Send;

    /// Calls a tool.
    ///
    /// # Errors
    /// [`LinkError`], which says whether the call was recorded.
    fn call(&self, call: Call, asked: &Extensions) -> impl Future<Output = Result<Answer, LinkError>> + Send;

    /// The session's trace, where it is open.
    fn trace(&self, asked: &Extensions) -> impl Future<Output = Option<TraceId>> + Send;
}

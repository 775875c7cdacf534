//! MCP for agents: the tools, the resources, and the stdio server a client starts.

//! The one binary: a role per subcommand.

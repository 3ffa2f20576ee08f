//! The test vocabulary: System, User, Socket, on real servers.

//! Stories, told in the words of the domain, on real servers.

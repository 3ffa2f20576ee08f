//! Is there room for one more connection? A cap over all, and one for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::ServeLimits;
use crate::address::{AddressKey, Network};

/// The room there is. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Seats {
    taken: Arc<Mutex<Taken>>,
    all_max: u32,
    address_max: u32,
    trusted: Arc<[Network]>,
}

#[derive(Debug, Default)]
struct Taken {
    all: u32,
    by_address: HashMap<AddressKey, u32>,
}

/// Which cap is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    All,
    Address,
}

impl Full {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }
}

/// One connection's place, given back when dropped: also by a socket that outlives its request.
#[derive(Debug)]
pub(super) struct Seat {
    taken: Arc<Mutex<Taken>>,
    address: Option<AddressKey>,
}

impl Seats {
    pub(super) fn new(limits: &ServeLimits) -> Self {
        Self {
            taken: Arc::default(),
            all_max: limits.connections_max,
            address_max: limits.connections_max_address,
            trusted: limits.trusted.clone().into(),
        }
    }

    pub(super) fn take(&self, peer: IpAddr) -> Result<Seat, Full> {
        let trusted = self.trusted.iter().any(|network| network.contains(peer));
        let address = (!trusted).then(|| AddressKey::from(peer));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.all_max {
            return Err(Full::All);
        }
        if let Some(address) = address {
            let of_address = taken.by_address.entry(address).or_default();
            if *of_address >= self.address_max {
                return Err(Full::Address);
            }
            *of_address += 1;
        }
        taken.all += 1;
        drop(taken);
        metrics::gauge!("connections_open").increment(1.0);
        Ok(Seat { taken: Arc::clone(&self.taken), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(address) = self.address
            && let Some(of_address) = taken.by_address.get_mut(&address)
        {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&address);
            }
        }
        drop(taken);
        metrics::gauge!("connections_open").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(trusted: &str) -> Seats {
        let trusted = trusted.parse().ok().into_iter().collect();
        Seats::new(&ServeLimits { connections_max: 3, connections_max_address: 2, trusted, ..ServeLimits::admin() })
    }

    fn at(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_its_share_and_gives_it_back() {
        let seats = seats("");
        let first = seats.take(at("10.0.0.1"));
        let _second = seats.take(at("10.0.0.1"));
        assert_eq!(seats.take(at("10.0.0.1")).expect_err("full"), Full::Address);
        let _third = seats.take(at("10.0.0.2")).expect("room");
        assert_eq!(seats.take(at("10.0.0.3")).expect_err("full"), Full::All);
        drop(first);
        assert!(seats.take(at("10.0.0.1")).is_ok());
    }

    #[test]
    fn a_trusted_address_has_the_whole() {
        let seats = seats("10.0.0.0/8");
        let taken: Vec<_> = (0..3).map(|_| seats.take(at("10.0.0.1")).expect("room")).collect();
        assert_eq!(seats.take(at("10.0.0.1")).expect_err("full"), Full::All);
        drop(taken);
        assert_eq!(seats.taken.lock().expect("not poisoned").all, 0);
    }
}

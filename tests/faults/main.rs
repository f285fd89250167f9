//! What was acknowledged survives: the program or Postgres killed under load, clients that hang up in the middle of a write,
//! a program told to stop while it works, a database or a Redis that is away, slow or out of its mind.

mod commit;
mod drain;
mod hang_up;
mod hung;
mod kill;
mod ledger;
mod load;
mod outage;
mod redis;
mod roll;
mod whole;

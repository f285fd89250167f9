//! What was acknowledged survives: the program or Postgres killed under load, clients that hang up in the middle of a write,
//! a program told to stop while it works, a database or a Redis that is away, slow or out of its mind.

mod clock;
mod commit;
mod drain;
mod full;
mod ground;
mod hang_up;
mod hung;
mod kill;
mod ledger;
mod load;
mod outage;
mod paused;
mod redis;
mod roll;
mod services;
mod whole;

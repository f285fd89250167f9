//! All that `prefecture serve` can be told.

use clap::Args;

use super::{
    CacheSettings, DatabaseSettings, EdgeSettings, EncryptionSettings, ListenSettings, RedisSettings, ServiceSettings,
    TelemetrySettings, TokenSettings, WrongSetting,
};

#[derive(Clone, Args)]
pub struct ServeSettings {
    #[command(flatten)]
    pub listen: ListenSettings,

    #[command(flatten)]
    pub database: DatabaseSettings,

    #[command(flatten)]
    pub edge: EdgeSettings,

    #[command(flatten)]
    pub redis: RedisSettings,

    #[command(flatten)]
    pub cache: CacheSettings,

    #[command(flatten)]
    pub telemetry: TelemetrySettings,

    #[command(flatten)]
    pub tokens: TokenSettings,

    #[command(flatten)]
    pub encryption: EncryptionSettings,

    #[command(flatten)]
    pub services: ServiceSettings,
}

impl ServeSettings {
    /// What is wrong, as far as the settings alone show it: no file is read, nobody is asked. One finding a setting.
    pub fn wrong(&self) -> Vec<WrongSetting> {
        let judged = [
            self.listen.validate(),
            self.listen.tls.files().map(drop),
            self.database.url().map(drop),
            self.database.owner_url().map(drop),
            self.database.serving_role().map(drop),
            self.database.pool().map(drop),
            self.edge.validate(),
            self.redis.address().map(drop),
            self.cache.validate(),
            self.telemetry.otlp().map(drop),
            self.tokens.validate(),
            self.encryption.key_ring().map(drop),
            self.services.validate(),
        ];
        let mut all: Vec<WrongSetting> = judged.into_iter().filter_map(Result::err).collect();
        // Without an address of the database, there is none of its owner either.
        all.dedup_by_key(|wrong| wrong.setting);
        all
    }
}

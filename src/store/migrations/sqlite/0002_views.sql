-- servo: compatible
-- For people and for `servo sql`: the ledger unpacked.
CREATE VIEW time_spent AS
SELECT l.span, strftime('%Y-%m-%dT%H:%M:%SZ', l.at_ms / 1000, 'unixepoch') AS at, l.epoch, l.scope,
       who.key AS id,
       coalesce(CASE l.scope WHEN 'tenant' THEN (
               SELECT name FROM tenants WHERE tenants.tenant_id = CAST(who.key AS INTEGER))
           WHEN 'asset' THEN (SELECT name FROM assets WHERE asset_id = CAST(who.key AS INTEGER))
           WHEN 'executor' THEN (
               SELECT name FROM executors WHERE executor_id = CAST(who.key AS INTEGER))
           WHEN 'pool' THEN (SELECT name FROM pools WHERE pool_id = CAST(who.key AS INTEGER))
       END, who.key) AS name,
       spent.key AS word, spent.value AS amount
FROM ledger AS l, json_each(l.entries) AS who, json_each(who.value) AS spent;

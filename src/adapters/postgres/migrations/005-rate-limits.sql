-- Rate limits of all servers: for each bucket the time (epoch ms) at which it is empty again. Nothing is lost with it that
-- a minute does not bring back, so it is not logged, and a crash empties it.
CREATE UNLOGGED TABLE conversation_rate_limits (
  bucket TEXT COLLATE "C" PRIMARY KEY,
  empty_at DOUBLE PRECISION NOT NULL,
  -- Whether the last one who asked was let through.
  allowed BOOLEAN NOT NULL
) WITH (fillfactor = 70);

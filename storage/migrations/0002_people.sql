-- People, their sessions, and what is kept on their behalf.

CREATE TABLE users (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name               text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    email              text        NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) <= 254),
    password_hash      text        NOT NULL,
    profile_image      text,
    governorate        text,
    locale             text        NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'ar')),
    show_presence      boolean     NOT NULL DEFAULT true,
    mail_off           text[]      NOT NULL DEFAULT '{}', -- the kinds of notification that no mail is wanted for
    last_seen_at       timestamptz,
    -- C22: only the digest is kept, for one use; both or neither
    reset_token_sha256 bytea,
    reset_expires_at   timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CHECK ((reset_token_sha256 IS NULL) = (reset_expires_at IS NULL))
);
CREATE UNIQUE INDEX users_reset_token ON users (reset_token_sha256) WHERE reset_token_sha256 IS NOT NULL;

-- One sign-in on one device. Access tokens name it, so that ending it ends them.
CREATE TABLE sessions (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id        uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    revoked_reason text,
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX sessions_user ON sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Every refresh token of a session that was ever given out; all but the latest are used. One that comes twice was stolen.
CREATE TABLE refresh_tokens (
    sha256     bytea PRIMARY KEY,
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Mail to be sent. It names what to say, not the words: a reset token is made when the mail is, so that it is never at rest.
-- It is to a person, or to an address that may be nobody's: asking for a reset writes the same row for any (C23).
CREATE TABLE mails (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id         uuid REFERENCES users ON DELETE CASCADE,
    email           text CHECK (length(email) <= 254),
    kind            text        NOT NULL,
    notification_id uuid, -- what it tells of
    attempts        smallint    NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((user_id IS NULL) <> (email IS NULL))
);
CREATE INDEX mails_due ON mails (due_at);
CREATE INDEX mails_due_first ON mails (due_at) WHERE kind = 'reset'; -- somebody sits and waits for it

-- C77: the first answer to a key, kept for 24 hours. It commits with what it answers.
CREATE TABLE idempotency_keys (
    user_id        uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    key            text        NOT NULL CHECK (length(key) BETWEEN 1 AND 64),
    request_sha256 bytea       NOT NULL,
    status         smallint    NOT NULL,
    answer         bytea       NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

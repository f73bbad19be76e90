-- What a person who is away should know of their deals. A row commits with its cause, and its id is made from it: one cause is
-- one notification per person, whoever tells of it and however often.

CREATE TABLE notifications (
    id              uuid PRIMARY KEY,
    user_id         uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    kind            text        NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    deal_id         uuid        NOT NULL REFERENCES deals,
    conversation_id uuid,
    seq             integer CHECK (seq >= 1), -- the change in that conversation, where one is the cause
    data            jsonb       NOT NULL, -- what its sentence is made of
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(), -- those of a deal in their order, also where one waited
    read_at         timestamptz,
    CHECK (seq IS NULL OR conversation_id IS NOT NULL)
);
-- The inbox and, since nobody has more than a thousand, how many are unread
CREATE INDEX notifications_inbox ON notifications (user_id, created_at DESC, id DESC) INCLUDE (read_at);
CREATE INDEX notifications_read ON notifications (read_at) WHERE read_at IS NOT NULL; -- the old ones are forgotten

-- Notifications that nobody has yet said to have pushed. A row commits with its notification, and goes with the push.
CREATE TABLE notification_outbox (
    number          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id uuid NOT NULL
);

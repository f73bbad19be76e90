-- A conversation is one log of entries: chat and the deal's changes, numbered without a gap in commit order.

CREATE TABLE conversations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id    uuid        NOT NULL UNIQUE REFERENCES deals,
    -- Counted on the locked row: a SEQUENCE would hand out numbers that commit out of order, or never.
    last_seq   integer     NOT NULL DEFAULT 0,
    -- The transaction of the last entry. `sync` reads on from a snapshot, so that what commits late is not skipped.
    active_xid xid8        NOT NULL DEFAULT pg_current_xact_id(),
    closes_at  timestamptz, -- read-only from then on (C20)
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80); -- room for the row's next version on the same page: it changes with every message

CREATE TABLE entries (
    conversation_id   uuid        NOT NULL REFERENCES conversations,
    seq               integer     NOT NULL CHECK (seq >= 1),
    id                uuid        NOT NULL DEFAULT gen_random_uuid(),
    kind              text        NOT NULL CHECK (kind IN ('message', 'deal')),
    sender_id         uuid REFERENCES users, -- null: the clock made the change
    text              text CHECK (length(text) BETWEEN 1 AND 4000),
    client_message_id text CHECK (length(client_message_id) BETWEEN 1 AND 64),
    change            jsonb,
    xid               xid8        NOT NULL DEFAULT pg_current_xact_id(),
    created_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (conversation_id, seq),
    CHECK ((kind = 'message') = (text IS NOT NULL AND client_message_id IS NOT NULL AND sender_id IS NOT NULL)),
    CHECK ((kind = 'deal') = (change IS NOT NULL))
);
CREATE UNIQUE INDEX entries_sent_once ON entries (sender_id, client_message_id) WHERE client_message_id IS NOT NULL;
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Entries that nobody has yet said to have pushed. A row commits with its entry, and goes when the push has gone out.
CREATE TABLE outbox (
    conversation_id uuid        NOT NULL,
    seq             integer     NOT NULL,
    due_at          timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 second', -- then anybody may push it
    PRIMARY KEY (conversation_id, seq)
);
CREATE INDEX outbox_due ON outbox (due_at);

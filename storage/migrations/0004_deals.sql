-- Deals: one table for every exchange there is (design.md). The promises stand here, so that a bug in Python cannot break them.

CREATE TABLE deals (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind         text        NOT NULL CHECK (kind IN ('trade')),
    status       text        NOT NULL CHECK (status IN (
        'proposed', 'negotiating', 'confirmed', 'completed', 'rejected', 'cancelled', 'expired', 'disputed')),
    revision     integer     NOT NULL DEFAULT 1 CHECK (revision >= 1),
    item_ids     uuid[]      NOT NULL CHECK (cardinality(item_ids) BETWEEN 2 AND 20), -- sorted: equal for equal terms
    reason       text CHECK (length(reason) <= 500),
    expires_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    complete_by  timestamptz,
    reminded_at  timestamptz,
    completed_at timestamptz,
    closed_at    timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CHECK ((status IN ('completed', 'rejected', 'cancelled', 'expired')) = (closed_at IS NOT NULL)),
    CHECK ((confirmed_at IS NULL) = (complete_by IS NULL)),
    CHECK (status NOT IN ('confirmed', 'disputed', 'completed') OR confirmed_at IS NOT NULL),
    CHECK (status NOT IN ('proposed', 'negotiating', 'expired') OR confirmed_at IS NULL),
    CHECK (expires_at > created_at)
);
-- C16, C39: the same items are on the table once, whoever proposed first
CREATE UNIQUE INDEX deals_open_once ON deals (item_ids) WHERE status IN ('proposed', 'negotiating');
CREATE INDEX deals_expiry ON deals (expires_at) WHERE status IN ('proposed', 'negotiating');
CREATE INDEX deals_overdue ON deals (complete_by) WHERE status IN ('confirmed', 'disputed') AND reminded_at IS NULL;

CREATE TABLE parties (
    deal_id  uuid     NOT NULL REFERENCES deals,
    user_id  uuid     NOT NULL REFERENCES users,
    position smallint NOT NULL CHECK (position BETWEEN 0 AND 9), -- 0 opened the deal
    answers  text[]   NOT NULL DEFAULT '{}', -- moves said yes to that wait for the other parties
    read_seq integer  NOT NULL DEFAULT 0 CHECK (read_seq >= 0), -- written behind Redis
    PRIMARY KEY (deal_id, user_id),
    UNIQUE (deal_id, position)
);
CREATE INDEX parties_user ON parties (user_id, deal_id) INCLUDE (position, read_seq);

-- The terms, per revision; an old revision never changes. The snapshot is the item as it was when the terms were set (C17).
CREATE TABLE legs (
    deal_id     uuid    NOT NULL REFERENCES deals,
    revision    integer NOT NULL CHECK (revision >= 1),
    item_id     uuid    NOT NULL REFERENCES items,
    giver_id    uuid    NOT NULL,
    receiver_id uuid    NOT NULL,
    snapshot    jsonb   NOT NULL,
    PRIMARY KEY (deal_id, revision, item_id),
    FOREIGN KEY (deal_id, giver_id) REFERENCES parties (deal_id, user_id),
    FOREIGN KEY (deal_id, receiver_id) REFERENCES parties (deal_id, user_id),
    CHECK (giver_id <> receiver_id)
);
CREATE INDEX legs_item ON legs (item_id, deal_id);
CREATE INDEX legs_image ON legs ((snapshot ->> 'image')) WHERE snapshot ->> 'image' IS NOT NULL; -- which files are shown
CREATE TRIGGER legs_append_only BEFORE UPDATE OR DELETE ON legs FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One confirmed deal holds an item at a time, whatever its kind: this primary key is the promise.
CREATE TABLE item_holds (
    item_id uuid PRIMARY KEY REFERENCES items,
    deal_id uuid NOT NULL REFERENCES deals
);
CREATE INDEX item_holds_deal ON item_holds (deal_id);

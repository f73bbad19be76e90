-- Deals: one table for every exchange there is (design.md). The promises stand here, so that a bug in Python cannot break them.

CREATE TABLE deals (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind         text        NOT NULL CHECK (kind IN ('trade', 'offer', 'cycle', 'chain')),
    status       text        NOT NULL CHECK (status IN (
        'proposed', 'negotiating', 'countered', 'confirmed', 'completed', 'rejected', 'cancelled', 'expired', 'disputed')),
    revision     integer     NOT NULL DEFAULT 1 CHECK (revision >= 1),
    item_ids     uuid[]      NOT NULL CHECK (cardinality(item_ids) BETWEEN 2 AND 20), -- both sorted: equal for equal terms
    party_ids    uuid[]      NOT NULL,
    proposer_id  uuid        NOT NULL, -- who made the latest terms
    rounds       smallint    NOT NULL DEFAULT 0 CHECK (rounds BETWEEN 0 AND 20), -- counter-offers so far (C35)
    match_score  double precision CHECK (match_score BETWEEN 0 AND 1),
    reason       text CHECK (length(reason) <= 500),
    expires_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    complete_by  timestamptz,
    reminded_at  timestamptz,
    nudged_revision integer  NOT NULL DEFAULT 0, -- the terms for which those who had not answered were reminded of it
    completed_at timestamptz,
    closed_at    timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CHECK (CASE kind WHEN 'cycle' THEN cardinality(party_ids) BETWEEN 3 AND 10 AND cardinality(item_ids) = cardinality(party_ids)
                     WHEN 'chain' THEN cardinality(party_ids) BETWEEN 3 AND 10 AND cardinality(item_ids) = cardinality(party_ids) - 1
                     ELSE cardinality(party_ids) = 2 END),
    CHECK ((kind IN ('cycle', 'chain')) = (match_score IS NOT NULL)),
    CHECK (proposer_id = ANY (party_ids)),
    CHECK (kind NOT IN ('cycle', 'chain') OR rounds = 0),
    CHECK (status <> 'countered' OR rounds > 0),
    CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CHECK ((status IN ('completed', 'rejected', 'cancelled', 'expired')) = (closed_at IS NOT NULL)),
    CHECK ((confirmed_at IS NULL) = (complete_by IS NULL)),
    CHECK (status NOT IN ('confirmed', 'disputed', 'completed') OR confirmed_at IS NOT NULL),
    CHECK (status NOT IN ('proposed', 'negotiating', 'countered', 'expired') OR confirmed_at IS NULL),
    CHECK (expires_at > created_at)
);
-- C16, C39, C67: the same items are on the table once between the same people, whoever proposed first
CREATE UNIQUE INDEX deals_open_once ON deals (item_ids, party_ids) WHERE status IN ('countered', 'negotiating', 'proposed');
CREATE INDEX deals_expiry ON deals (expires_at) WHERE status IN ('countered', 'negotiating', 'proposed');
CREATE INDEX deals_overdue ON deals (complete_by) WHERE status IN ('confirmed', 'disputed') AND reminded_at IS NULL;

CREATE TABLE parties (
    deal_id  uuid     NOT NULL REFERENCES deals,
    user_id  uuid     NOT NULL REFERENCES users,
    position smallint NOT NULL CHECK (position BETWEEN 0 AND 9), -- 0 opened the deal
    answers  text[]   NOT NULL DEFAULT '{}', -- the moves they have made on the terms as they are
    answered_at timestamptz, -- when they accepted or rejected those
    read_seq integer  NOT NULL DEFAULT 0 CHECK (read_seq >= 0), -- written behind Redis
    PRIMARY KEY (deal_id, user_id),
    UNIQUE (deal_id, position)
);
CREATE INDEX parties_user ON parties (user_id, deal_id) INCLUDE (position, read_seq);

-- Who set which terms, with what note; an old revision never changes.
CREATE TABLE revisions (
    deal_id    uuid        NOT NULL REFERENCES deals,
    revision   integer     NOT NULL CHECK (revision >= 1),
    made_by    uuid        NOT NULL,
    move       text        NOT NULL CHECK (move IN ('request', 'counter', 'update')),
    notes      text CHECK (length(notes) <= 1000),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (deal_id, revision),
    FOREIGN KEY (deal_id, made_by) REFERENCES parties (deal_id, user_id),
    CHECK ((revision = 1) = (move = 'request'))
);
CREATE TRIGGER revisions_append_only BEFORE UPDATE OR DELETE ON revisions FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What moves from whom to whom by a revision's terms. The snapshot is the item as it was when the terms were set (C17).
CREATE TABLE legs (
    deal_id     uuid    NOT NULL REFERENCES deals,
    revision    integer NOT NULL CHECK (revision >= 1),
    item_id     uuid    NOT NULL REFERENCES items,
    giver_id    uuid    NOT NULL,
    receiver_id uuid    NOT NULL,
    snapshot    jsonb   NOT NULL,
    PRIMARY KEY (deal_id, revision, item_id),
    FOREIGN KEY (deal_id, revision) REFERENCES revisions,
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

-- Items whose ring came to nothing, and for which another one is to be looked for. A row goes with what was found.
CREATE TABLE rematches (
    deal_id   uuid        NOT NULL REFERENCES deals,
    item_id   uuid        NOT NULL REFERENCES items,
    user_id   uuid        NOT NULL REFERENCES users,
    queued_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (deal_id, item_id)
);
CREATE INDEX rematches_queued ON rematches (queued_at);

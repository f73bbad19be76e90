-- What people own and list, and who owned it before.

CREATE TABLE items (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id        uuid        NOT NULL REFERENCES users,
    title           text        NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    description     text        NOT NULL CHECK (length(description) <= 5000),
    category_id     uuid        NOT NULL REFERENCES categories,
    condition       text        NOT NULL CHECK (condition IN ('NEW', 'LIKE_NEW', 'GOOD', 'FAIR', 'POOR')),
    looking_for     text        NOT NULL CHECK (looking_for IN ('item_swap', 'credits', 'flexible')),
    estimated_value numeric(12, 2) CHECK (estimated_value >= 0),
    governorate     text,
    wants           jsonb,
    open_to_give    boolean     NOT NULL DEFAULT false,
    images          jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_array_length(images) <= 10),
    sale_price      numeric(12, 2) CHECK (sale_price >= 0), -- not null: it is listed for sale, and cannot be bartered (C40)
    status          text        NOT NULL DEFAULT 'available' CHECK (status IN ('available', 'traded')),
    version         integer     NOT NULL DEFAULT 1,
    deleted_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    changed_xid     xid8        NOT NULL DEFAULT pg_current_xact_id(), -- the transaction that last changed the row
    search          tsvector    NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', description), 'B')
    ) STORED
);
CREATE INDEX items_listed ON items (created_at DESC, id DESC) WHERE status = 'available' AND deleted_at IS NULL;
CREATE INDEX items_listed_category ON items (category_id, created_at DESC, id DESC)
    WHERE status = 'available' AND deleted_at IS NULL;
-- Any of the filters together, each of few values: PostgreSQL 18 skips over those that are not given.
CREATE INDEX items_listed_traits ON items (governorate, condition, looking_for, category_id, created_at DESC, id DESC)
    WHERE status = 'available' AND deleted_at IS NULL;
CREATE INDEX items_owner ON items (owner_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
-- fastupdate off: a pending list makes some searches pay for many writes, and a page's time is what people feel
CREATE INDEX items_search ON items USING gin (search) WITH (fastupdate = off);

CREATE INDEX items_images ON items USING gin (images jsonb_path_ops) WHERE images <> '[]'; -- which files are shown

-- Every process keeps a snapshot of the market, and reads on from where it was by this, as `sync` does by its cursor: whatever
-- changes an item cannot forget to say so.
CREATE INDEX items_changed ON items (changed_xid, id);
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_xid := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER items_note_change BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION note_change();

-- The ownership ledger (C79): gapless per item, append-only.
CREATE TABLE ownership (
    item_id uuid        NOT NULL REFERENCES items,
    seq     integer     NOT NULL CHECK (seq >= 1),
    from_id uuid REFERENCES users,
    to_id   uuid        NOT NULL REFERENCES users,
    deal_id uuid,
    at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (item_id, seq),
    CHECK ((seq = 1) = (from_id IS NULL)),
    CHECK ((seq = 1) = (deal_id IS NULL)),
    CHECK (from_id IS DISTINCT FROM to_id)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER ownership_append_only BEFORE UPDATE OR DELETE ON ownership
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The planner's guess at how many rows a query has: what a page says when an exact count would cost more than the page.
CREATE FUNCTION estimated_rows(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::bigint;
END $$;

-- Never called. `(parameter IS NOT NULL OR planned_for_any_value())` makes a plan that is to serve any value look as dear as this
-- says, while it is gone from a plan for the values at hand: so PostgreSQL makes one of those each time.
CREATE FUNCTION planned_for_any_value() RETURNS boolean LANGUAGE plpgsql STABLE COST 1000000000 AS $$
BEGIN
    RETURN true;
END $$;

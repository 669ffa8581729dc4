-- +goose Up

-- Orders to destroy data keys that were carried out. Rows stay for ever, so that an order that comes
-- again, however late, finds itself carried out.
CREATE TABLE keyring_orders (
    id             TEXT   NOT NULL PRIMARY KEY,
    carried_out_at BIGINT NOT NULL -- microseconds UTC since 1970
);

-- +goose Down
DROP TABLE keyring_orders;

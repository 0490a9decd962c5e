-- The shop's tables and what is on its shelves. Loaded once, when the database is made.
CREATE TABLE products (
    id integer PRIMARY KEY,
    name text NOT NULL,
    cents integer NOT NULL,
    stock integer NOT NULL,
    grams integer               -- nobody weighed product 13: the orders service does not expect that
);
CREATE TABLE carts (customer integer NOT NULL, product integer NOT NULL REFERENCES products, pieces integer NOT NULL);
CREATE INDEX carts_customer ON carts (customer);
CREATE TABLE orders (
    id bigserial PRIMARY KEY,
    customer integer NOT NULL,
    product integer NOT NULL REFERENCES products,
    cents integer NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_customer ON orders (customer);

INSERT INTO products
SELECT n, 'Lamp no. ' || n, 900 + 37 * n, 1000000, CASE WHEN n = 13 THEN NULL ELSE 200 + 5 * n END
FROM generate_series(1, 60) AS n;
INSERT INTO carts
SELECT customer, 1 + (customer * 7 + n * 11) % 60, 1 + n % 3
FROM generate_series(1, 100) AS customer, generate_series(1, 8) AS n;

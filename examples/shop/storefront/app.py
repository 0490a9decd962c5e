"""The storefront: pages of a small shop in Flask, with PostgreSQL, Redis and the orders service behind them.

Nothing here knows an agent: the start script runs the same file under OpenTelemetry's or Elastic's. Some routes are
slow, some fail, one asks the database once per row; they are there to be found.
"""

from __future__ import annotations

import json
import logging
import os
import threading

import psycopg
import redis
import requests
from flask import Flask, abort, jsonify, request
from psycopg.rows import dict_row

VERSION = os.environ.get("SHOP_VERSION", "1.0")
ORDERS = os.environ["SHOP_ORDERS_URL"]
COUPONS = {"SPRING": 10, "LAMP": 5}

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
log = logging.getLogger("storefront")

app = Flask(__name__)
connections = threading.local()  # one connection a thread of the server
cache = redis.Redis.from_url(os.environ["SHOP_REDIS_URL"], decode_responses=True)
orders = requests.Session()


def rows(statement: str, *values: object) -> list[dict]:
    """Rows of a statement."""
    if not hasattr(connections, "own"):
        connections.own = psycopg.connect(
            os.environ["SHOP_DATABASE_URL"], autocommit=True, row_factory=dict_row
        )
    with connections.own.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


@app.get("/")
def shelf():
    """All products, out of the cache unless a fresh list is asked for."""
    if "fresh" not in request.args and (kept := cache.get("shelf")):
        return app.response_class(kept, mimetype="application/json")
    found = json.dumps(rows("SELECT id, name, cents FROM products ORDER BY id"))
    cache.set("shelf", found)
    log.info("the shelf was read anew")
    return app.response_class(found, mimetype="application/json")


@app.get("/products/<int:number>")
def product(number: int):
    """One product and, since version 1.1, what others bought with it: a statement that lacks its index."""
    found = rows("SELECT id, name, cents, stock FROM products WHERE id = %s", number)
    if not found:
        abort(404)
    if VERSION != "1.0":
        # pg_sleep stands for the sequential scan that the table of a shop with a past would make of it.
        rows(
            "WITH scan AS MATERIALIZED (SELECT pg_sleep(0.12))"
            " SELECT product, count(*) AS times FROM scan, orders WHERE product <> %s"
            " GROUP BY product ORDER BY times DESC LIMIT 3",
            number,
        )
    return jsonify(found[0])


@app.get("/search")
def search():
    """Products by a part of their name."""
    word = request.args.get("q", "")
    found = rows("SELECT id, name, cents FROM products WHERE name ILIKE %s ORDER BY id LIMIT 20", f"%{word}%")
    log.info("searched for %r: %d found", word, len(found))
    return jsonify(found)


@app.get("/cart/<int:customer>")
def cart(customer: int):
    """What somebody wants to buy; asks for each product alone (N+1)."""
    wanted = rows("SELECT product, pieces FROM carts WHERE customer = %s", customer)
    total = 0
    for one in wanted:
        of = rows("SELECT cents FROM products WHERE id = %s", one["product"])[0]
        total += one["pieces"] * of["cents"]
    return jsonify({"customer": customer, "pieces": len(wanted), "cents": total})


@app.post("/checkout")
def checkout():
    """Place an order with the orders service."""
    said = request.get_json()
    cache.incr("checkouts")
    answer = orders.post(f"{ORDERS}/orders", json=said, timeout=10)
    if answer.status_code == 402:
        log.warning("payment of customer %s was declined", said["customer"])
        return jsonify(answer.json()), 402
    if not answer.ok:
        log.error("the orders service answered %s for customer %s", answer.status_code, said["customer"])
        answer.raise_for_status()
    log.info("customer %s ordered product %s", said["customer"], said["product"])
    return jsonify(answer.json()), 201


@app.get("/customers/<int:customer>/orders")
def ordered(customer: int):
    """Past orders, as the orders service has them."""
    answer = orders.get(f"{ORDERS}/customers/{customer}/orders", timeout=10)
    answer.raise_for_status()
    return jsonify(answer.json())


@app.get("/coupons/<code>")
def coupon(code: str):
    """What a coupon is worth; an unknown one is not thought of (KeyError)."""
    return jsonify({"code": code, "percent": COUPONS[code]})


@app.get("/reports/daily")
def report():
    """Sales of today: slow in every version."""
    rows("SELECT pg_sleep(0.4)::text AS waited")
    sold = rows(
        "SELECT count(*) AS orders, coalesce(sum(cents), 0) AS cents FROM orders"
        " WHERE placed_at > now() - interval '1 day'"
    )
    return jsonify(sold[0])


@app.get("/stock/<int:number>")
def stock(number: int):
    """Asked by the orders service before it promises anything."""
    found = rows("SELECT stock, grams FROM products WHERE id = %s", number)
    if not found:
        abort(404)
    return jsonify(found[0])


@app.get("/health")
def health():
    """Whether it runs, and as which version."""
    return jsonify({"version": VERSION})

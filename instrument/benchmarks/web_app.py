"""A small shop, as web applications are: routing, a few dozen functions of its own a request, JSON and a template."""

from dataclasses import dataclass

from flask import Flask, jsonify, render_template_string, request

app = Flask(__name__)
PAGE = "<h1>{{ title }}</h1><ul>{% for line in lines %}<li>{{ line.name }}: {{ line.cents }}</li>{% endfor %}</ul>"


@dataclass
class Line:
    """One line of an order."""

    name: str
    cents: int
    count: int

    def total(self):
        """In cents."""
        return discounted(self.cents, self.count) * self.count


def discounted(cents, count):
    """Less for many."""
    return cents - cents * min(count, 10) // 100


def lines(number):
    """Of an order."""
    return [Line(f"thing {place}", 100 + place * number % 97, place % 5 + 1) for place in range(10)]


def total(given):
    """Of all lines."""
    return sum(line.total() for line in given)


@app.get("/orders/<int:number>")
def order(number):
    """As a program reads it."""
    given = lines(number)
    return jsonify(
        number=number,
        total=total(given),
        lines=[vars(line) for line in given],
        agent=request.user_agent.string,
    )


@app.get("/pages/<int:number>")
def page(number):
    """As a person reads it."""
    given = lines(number)
    return render_template_string(PAGE, title=f"Order {number}: {total(given)}", lines=given)

"""Reads protobuf without a schema, so that the tests need no library: fields by number."""

import struct


def fields(data):
    found = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 1:
            value, at = data[at : at + 8], at + 8
        elif kind == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
            assert len(value) == size
        else:
            raise AssertionError(kind)
        found.setdefault(key >> 3, []).append(value)
    return found


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def u64(value):
    return struct.unpack("<Q", value)[0]


def attributes(values):
    found = {}
    for each in values:
        both = fields(each)
        content = fields(both[2][0]) if 2 in both else {}
        if 1 in content:
            value = content[1][0].decode()
        elif 2 in content:
            value = bool(content[2][0])
        elif 3 in content:
            value = content[3][0]
        elif 5 in content:
            value = [fields(item)[1][0].decode() for item in fields(content[5][0]).get(1, ())]
        else:
            value = None
        found[both[1][0].decode()] = value
    return found


def resource(body):
    return attributes(fields(fields(fields(body)[1][0])[1][0])[1])


def metrics(body):
    """Metric name -> list of (attributes, fields of the point)."""
    found = {}
    for scope in fields(fields(body)[1][0])[2]:
        for each in fields(scope)[2]:
            metric = fields(each)
            for data, labels in ((5, 7), (7, 7), (10, 1)):
                for content in metric.get(data, ()):
                    points = [fields(point) for point in fields(content)[1]]
                    name = metric[1][0].decode()
                    found[name] = [(attributes(point.get(labels, ())), point) for point in points]
    return found


def logs(body):
    """Attributes of each record, with its event name, body, trace and span."""
    found = []
    for scope in fields(fields(body)[1][0])[2]:
        for each in fields(scope).get(2, ()):
            record = fields(each)
            told = attributes(record[6])
            told["event"] = record[12][0].decode()
            told["body"] = fields(record[5][0])[1][0].decode()
            told["severity"] = record[2][0]
            told["trace"] = (record[9][0].hex(), record[10][0].hex()) if 9 in record else None
            found.append(told)
    return found

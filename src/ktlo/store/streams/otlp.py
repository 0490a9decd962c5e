"""SQL and protobuf that every OTLP signal has in common: attributes, resources, instants.

Format: opentelemetry-proto 1.x, common.proto and resource.proto. Arrays and maps among the values arrive as JSON text:
``receivers/otlp`` has seen to it.
"""

MAP = "Map(LowCardinality(String), String)"
NANO = "DateTime64(9, 'UTC')"

VALUE = (
    "Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64),"
    " double_value Nullable(Float64), bytes_value Nullable(String))"
)
"""Type of an AnyValue."""

KEY_VALUES = f"Array(Tuple(key String, value {VALUE}))"
"""Type of a list of KeyValue."""

COMMON_SCHEMA = """syntax = "proto3";
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3;
  double double_value = 4; bytes bytes_value = 7; } }
message KeyValue { string key = 1; AnyValue value = 2; }
message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; }
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
"""
"""Field numbers of common.proto and resource.proto, without what is not kept; a signal's own messages follow."""


def value(of: str) -> str:
    """SQL of an AnyValue as text."""
    return (
        f"multiIf({of}.string_value IS NOT NULL, assumeNotNull({of}.string_value),"
        f" {of}.int_value IS NOT NULL, toString(assumeNotNull({of}.int_value)),"
        f" {of}.double_value IS NOT NULL, toString(assumeNotNull({of}.double_value)),"
        f" {of}.bool_value IS NOT NULL, if(assumeNotNull({of}.bool_value), 'true', 'false'),"
        f" base64Encode(ifNull({of}.bytes_value, '')))"
    )


def attributes(of: str, variable: str = "x") -> str:
    """SQL of a list of KeyValue as a map; of two values with one key the map shows the first."""
    return (
        f"CAST(mapFromArrays(arrayMap({variable} -> {variable}.key, {of}),"
        f" arrayMap({variable} -> {value(f'{variable}.value')}, {of})), '{MAP}')"
    )


def nanoseconds(of: str) -> str:
    """SQL of nanoseconds since 1970 as an instant."""
    return f"fromUnixTimestamp64Nano(toInt64(least({of}, 9223372036854775807)), 'UTC')"


def of_resource(resource: str = "resource") -> str:
    """SQL of the four columns that say who reported: service, version, environment, instance."""
    return (
        f"{resource}['service.name'] AS service, {resource}['service.version'] AS version,"
        f" if({resource}['deployment.environment.name'] != '', {resource}['deployment.environment.name'],"
        f" {resource}['deployment.environment']) AS environment,"
        f" if({resource}['service.instance.id'] != '', {resource}['service.instance.id'],"
        f" {resource}['host.name']) AS instance"
    )


MOST_NAME, MOST_TAG, MOST_TAGS = 255, 128, 8
"""Characters of an image's name and of a tag that are kept (OCI Distribution 1.1 allows no more), and how many tags."""


def of_image(resource: str = "resource") -> str:
    """SQL of the image that a resource names, ``name:tag,tag@digest`` as far as it is told; empty when it names none.

    Names of the semantic conventions: container.image.tags is a list (JSON text here), container.image.tag what it was
    called before; container.image.repo_digests is a list of ``name@digest``, oci.manifest.digest the digest alone.
    """

    def of(name: str) -> str:
        return f"{resource}['{name}']"

    several = of("container.image.tags")
    listed = f"if(startsWith({several}, '['), JSONExtract({several}, 'Array(String)'), [{several}])"
    tags = f"arrayFilter(t -> t != '', arrayConcat({listed}, [{of('container.image.tag')}]))"
    cut = f"arrayMap(t -> leftUTF8(t, {MOST_TAG}), arraySlice(arrayDistinct({tags}), 1, {MOST_TAGS}))"
    told = f"concat({of('oci.manifest.digest')}, ' ', {of('container.image.repo_digests')})"
    digest = f"extract({told}, '[a-z0-9]+:[0-9a-fA-F]{{32,128}}')"
    parts = f"leftUTF8({of('container.image.name')}, {MOST_NAME}), arrayStringConcat({cut}, ','), {digest}"
    return (
        "toLowCardinality(arrayStringConcat(arrayMap((sign, part) -> if(part = '', '', concat(sign, part)),"
        f" ['', ':', '@'], [{parts}])))"
    )

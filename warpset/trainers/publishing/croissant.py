"""A data set told to machines: Croissant 1.0 (MLCommons, "Croissant Format Specification")."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification asks every file to have."""


def croissant(tables: Mapping[str, str], name: str, licence: str, published: str) -> str:
    """Croissant's description of tables of rows.

    Args:
        tables: JSON-lines text of each, by its path in the data set.
        name: Of the data set.
        licence: Its address or word; empty where nobody said it.
        published: The tool's version, so that the text does not depend on the day.
    """
    described: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": name,
        "description": "Warp pairs: splats, reference and target of places seen by many cameras.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "version": published,
        "distribution": [_file(path, text) for path, text in tables.items()],
        "recordSet": [_record_set(path, text) for path, text in tables.items()],
    }
    if licence:
        described["license"] = licence
    return json.dumps(described, indent=2) + "\n"


def _file(path: str, text: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "encodingFormat": "application/jsonlines",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def _record_set(path: str, text: str) -> dict[str, Any]:
    split = path.partition("/")[0]
    first: Mapping[str, Any] = json.loads(text.partition("\n")[0])
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "field": [_field(path, split, column, value) for column, value in first.items()],
    }


def _field(path: str, split: str, column: str, value: object) -> dict[str, Any]:
    kind = "sc:Text" if isinstance(value, str) else "sc:Float"
    return {
        "@type": "cr:Field",
        "@id": f"{split}/{column}",
        "name": column,
        "dataType": kind,
        "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
    }

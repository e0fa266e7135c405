"""Reading a pydantic model from YAML, with every fault named in one line."""

from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

__all__ = ["load_yaml", "yaml_text"]

Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """YAML's safe subset; a key that stands twice is an error, where YAML would let the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a table after a look at its keys."""
        seen: dict[Any, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                if key.value in seen:
                    raise yaml.YAMLError(
                        f"key `{key.value}` in line {seen[key.value]} stands again in line {line}"
                    )
                seen[key.value] = line
        return super().construct_mapping(node, deep)


def load_yaml(path: Path, model: type[Model], what: str) -> Model:
    """Read and check a YAML file.

    Parameters
    ----------
    path : Path
    model : pydantic model
        What the file must hold; its sections may be models too.
    what : str
        What the file is called in messages, such as "recipe".

    Raises
    ------
    ValueError
        If the file is missing, is not YAML, or holds an unknown key or a value out of range; one line that
        names the file and every faulty key.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such {what}; the README shows how to write one")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a {what} is a table of keys and values, found {type(content).__name__}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{path}: {_faults(error, model)}") from None


def _faults(error: ValidationError, model: type[BaseModel]) -> str:
    faults = []
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            faults.append(f"unknown key `{where}`; known: {', '.join(_known(model, fault['loc'][:-1]))}")
        else:
            faults.append(f"`{where}`: {message}" if where else message)
    return "; ".join(faults)


def _known(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Keys of the section of a model that a place leads to."""
    for part in place:
        if str(part) in model.model_fields:  # else the name or number of an entry, whose model is that of all
            annotation = model.model_fields[str(part)].annotation
            candidates = (annotation, *get_args(annotation))
            model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return list(model.model_fields)


def yaml_text(model: BaseModel) -> str:
    """The model as YAML with every default written out."""
    return yaml.safe_dump(model.model_dump(mode="json"), sort_keys=False, default_flow_style=None)

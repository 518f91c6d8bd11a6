"""What show prints, from the answer of /api/show."""

from typing import Any

import pytest

from backend.commands.model_card import model_card
from backend.commands.timings import timings

SHOWN: dict[str, Any] = {
    "details": {"family": "llama", "parameter_size": "8.0B", "quantization_level": "Q4_0"},
    "model_info": {
        "general.architecture": "llama",
        "general.parameter_count": 8030261248,
        "llama.context_length": 8192,
        "llama.embedding_length": 4096,
    },
    "capabilities": ["completion", "tools"],
    "parameters": 'stop                           "<|eot_id|>"\nnum_keep                       24',
    "license": "THE LICENCE\n\n  Version 1  \nand more\n",
    "system": "You are a pirate.\n",
}

CARD = """\
  Model
    architecture        llama    
    parameters          8.0B     
    context length      8192     
    embedding length    4096     
    quantization        Q4_0     

  Capabilities
    completion    
    tools         

  Parameters
    stop        "<|eot_id|>"    
    num_keep    24              

  System
    You are a pirate.    

  License
    THE LICENCE    
    Version 1      
    ...            

"""  # noqa: W291


def test_the_card_of_a_model() -> None:
    assert model_card(SHOWN) == CARD


def test_a_model_that_looks_at_pictures_has_a_projector() -> None:
    projector = {
        "general.architecture": "clip",
        "general.parameter_count": 311_890_000,
        "clip.vision.embedding_length": 1024,
        "clip.vision.projection_dim": 768,
    }
    card = model_card({**SHOWN, "projector_info": projector})
    assert (
        "  Projector\n"
        "    architecture        clip       \n"
        "    parameters          311.89M    \n"
        "    embedding length    1024       \n"
        "    dimensions          768        \n\n"
    ) in card


def test_what_is_not_known_has_no_line() -> None:
    assert model_card({}) == "  Model\n    quantization        \n\n"
    assert "architecture    bert" in model_card({"details": {"family": "bert"}})


def test_the_count_stands_in_for_a_missing_size() -> None:
    info = {"general.architecture": "llama", "general.parameter_count": 134515008}
    assert "parameters      134.52M" in model_card({"model_info": info})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        ("text", "text"),
        (8192, "8192"),
        (0.000009999, "9.999e-06"),
        ([], "[]"),
        ([1, 2], "[1 2]"),
        ([0, 0, 0, 0, 0, 0, 0], "[0 0 0 ...+4 more]"),
        (["a-very-long-token", "b"], "[a-very-long-token ...+1 more]"),
    ],
)
def test_metadata_at_a_glance(value: Any, text: str) -> None:
    card = model_card({"model_info": {"some.key": value}}, verbose=True)
    assert f"    some.key    {text} " in card
    assert "some.key" not in model_card({"model_info": {"some.key": value}})


def test_tensors_when_verbose() -> None:
    tensors = [{"name": "output.weight", "type": "F16", "shape": [32, 2]}]
    assert "    output.weight    F16    [32 2]    \n" in model_card(
        {"tensors": tensors}, verbose=True
    )


def test_the_timings_of_an_answer() -> None:
    last = {
        "total_duration": 1_558_294_328,
        "load_duration": 463_413,
        "prompt_eval_count": 36,
        "prompt_eval_duration": 227_766_000,
        "eval_count": 20,
        "eval_duration": 1_589_404_000,
    }
    assert timings(last) == (
        "total duration:       1.558294328s\n"
        "load duration:        463.413µs\n"
        "prompt eval count:    36 token(s)\n"
        "prompt eval duration: 227.766ms\n"
        "prompt eval rate:     158.06 tokens/s\n"
        "eval count:           20 token(s)\n"
        "eval duration:        1.589404s\n"
        "eval rate:            12.58 tokens/s\n"
    )
    assert timings({}) == ""

"""Asks the server at argv[2] with the key argv[3] by the client argv[1], and prints what came as one JSON object."""

import json
import sys

NAME, URL, KEY = sys.argv[1:4]
QUESTION = [{"role": "user", "content": "Tell me of a dog"}]
SAMPLING = {"max_tokens": 12, "temperature": 0.5, "seed": 5}


def ask_openai():
    import openai

    client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
    whole = client.chat.completions.create(model="demo", messages=QUESTION, **SAMPLING)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    events = list(client.chat.completions.create(model="demo", messages=QUESTION, **SAMPLING, **options))
    scored = client.completions.create(
        model="demo", prompt=[[1, 416, 425], [1, 416]], max_tokens=1, temperature=0, echo=True, logprobs=2
    )
    left = client.completions.create(model="demo", prompt="Once", max_tokens=400, stream=True)
    next(iter(left))
    left.close()
    errors = []
    for key, model, more in [("wrong", "demo", {}), (KEY, "gpt-9", {}), (KEY, "demo", {"max_tokens": -1})]:
        try:
            other = openai.OpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=0)
            other.completions.create(model=model, prompt="Once", **more)
        except openai.APIStatusError as error:
            errors.append([type(error).__name__, error.code, error.param])
    return {
        "models": [model.id for model in client.models.list()],
        "text": whole.choices[0].message.content,
        "reason": whole.choices[0].finish_reason,
        "streamed": "".join(event.choices[0].delta.content or "" for event in events if event.choices),
        "completion_tokens": [whole.usage.completion_tokens, events[-1].usage.completion_tokens],
        "prompt_tokens": [whole.usage.prompt_tokens, events[-1].usage.prompt_tokens],
        "scored": [choice.logprobs.token_logprobs for choice in scored.choices],
        "errors": errors,
    }


def ask_forms():
    from typing import Literal

    import openai
    from pydantic import BaseModel, Field

    class Dog(BaseModel):
        name: Literal["Spot", "Rex"]
        age: int = Field(ge=0, le=20)
        tags: list[Literal["big", "old"]] = Field(max_length=2)

    client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
    known = {"model": "demo", "messages": QUESTION, "max_tokens": 200, "temperature": 1, "seed": 5}
    parsed = client.chat.completions.parse(response_format=Dog, **known).choices[0].message.parsed
    bound = client.chat.completions.create(extra_body={"structured_outputs": {"regex": "[a-c]{3}"}}, **known)
    schema = {"type": "object", "properties": {"name": {"enum": ["Spot", "Rex"]}}, "required": ["name"]}
    tools = [{"type": "function", "function": {"name": "find_dog", "parameters": schema}}]
    with client.chat.completions.stream(tools=tools, tool_choice="required", parallel_tool_calls=False, **known) as events:
        for _ in events:
            pass
        choice = events.get_final_completion().choices[0]
    call = choice.message.tool_calls[0].function
    return {
        "parsed": parsed.model_dump(),
        "bound": bound.choices[0].message.content,
        "call": {"name": call.name, "arguments": call.arguments},
        "reason": choice.finish_reason,
    }


def ask_litellm():
    import litellm

    known = {"api_base": f"{URL}/v1", "api_key": KEY, "model": "openai/demo", "num_retries": 0}
    whole = litellm.completion(messages=QUESTION, **known, **SAMPLING)
    events = litellm.completion(messages=QUESTION, stream=True, **known, **SAMPLING)
    streamed = "".join(event.choices[0].delta.content or "" for event in events)
    known["model"] = "text-completion-openai/demo"
    continued = litellm.text_completion(prompt="Once upon a time", max_tokens=5, temperature=0, **known)
    try:
        litellm.completion(messages=QUESTION, **{**known, "model": "openai/demo", "api_key": "wrong"})
        error = None
    except litellm.AuthenticationError as found:
        error = found.status_code
    return {
        "text": whole.choices[0].message.content,
        "reason": whole.choices[0].finish_reason,
        "streamed": streamed,
        "completion_tokens": whole.usage.completion_tokens,
        "continued": continued.choices[0].text,
        "error": error,
    }


def ask_llm():
    import llm

    model = llm.get_model("own")
    answer = model.prompt("Tell me of a dog", stream=False, key=KEY, **SAMPLING)
    text = answer.text()
    pieces = list(model.prompt("Tell me of a dog", stream=True, key=KEY, **SAMPLING))
    return {"text": text, "streamed": "".join(pieces), "usage": [answer.usage().input, answer.usage().output]}


def parse_metrics():
    import urllib.request
    from prometheus_client.parser import text_string_to_metric_families

    asked = urllib.request.Request(f"{URL}/metrics", headers={"authorization": f"Bearer {KEY}"})
    text = urllib.request.urlopen(asked).read().decode()
    families = {}
    for family in text_string_to_metric_families(text):
        if family.name in families:
            raise ValueError(f"{family.name} comes twice")
        samples = [[sample.name, sample.labels, sample.value] for sample in family.samples]
        families[family.name] = {"type": family.type, "help": family.documentation, "samples": samples}
    return families


ASKED = {"openai": ask_openai, "forms": ask_forms, "litellm": ask_litellm, "llm": ask_llm, "metrics": parse_metrics}
print(json.dumps(ASKED[NAME]()))

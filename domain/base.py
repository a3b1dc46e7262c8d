from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A value: compared by content, never changed, and strict about what it is made of. Its errors do not quote."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=False, ser_json_inf_nan="strings", hide_input_in_errors=True
    )

"""Furnish a freshly initialised Tryton 8.2 database for a small merchant in Germany: company, books, taxes, carrier.

`python -m entrypoints.embedded.tryton_setup DATABASE CONF` in a process of its own, because trytond keeps its
configuration and its models in the interpreter. Prints one line of JSON: the REST key and the clerk's login.
"""

import datetime as dt
import json
import secrets
import sys
from decimal import Decimal
from typing import Any

from proteus import Model, Wizard, config
from trytond.modules.account.tests.tools import create_chart, get_accounts

TAX_RATES = tuple(map(Decimal, ("0.19", "0.07", "0.20", "0.055", "0.21", "0.06", "0.10")))
SERVICES = {
    "FREIGHT": "Freight",
    "FEE": "Fee",
    "TIP": "Tip",
    "DUTY": "Duty",
    "ROUNDING": "Rounding",
}
COUNTRIES = {
    "AT": "Austria",
    "BE": "Belgium",
    "CA": "Canada",
    "CH": "Switzerland",
    "CZ": "Czechia",
    "DE": "Germany",
    "DK": "Denmark",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "IE": "Ireland",
    "IT": "Italy",
    "LU": "Luxembourg",
    "NL": "Netherlands",
    "PL": "Poland",
    "PT": "Portugal",
    "SE": "Sweden",
    "US": "United States",
}
WAREHOUSES = ("main", "east")  # by their codes; orders are entered in the first
CLERK = "clerk"
_YEARS = 2  # fiscal years from the current one on


def furnish(database: str, conf: str) -> dict[str, str]:
    """Everything but goods; those are created in the running server, which also counts them."""
    session = config.set_trytond(database, user="admin", config_file=conf)
    for code, name in COUNTRIES.items():
        _saved("country.country", code=code, name=name)
    company = _company(session)
    accounts = get_accounts(company)
    for year in range(_YEARS):
        _fiscal_year(company, _this_year() + year)
    for rate in TAX_RATES:
        _tax(company, accounts, rate)
    _configuration()
    _products(accounts)
    _warehouses()
    _carrier_and_packages()
    _journal(company)
    return _users()


def _this_year() -> int:
    return dt.datetime.now(dt.UTC).year  # noqa: TID251  books are kept for the year in which they are set up


def _company(session: Any) -> Any:
    euro = _new("currency.currency", name="Euro", code="EUR", symbol="€", numeric_code="978")
    _add(euro.rates, date=dt.date(2020, 1, 1), rate=Decimal(1))
    euro.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = _saved("party.party", name="Merchant")
    wizard.form.currency = euro
    wizard.form.timezone = "UTC"
    wizard.execute("add")
    (company,) = Model.get("company.company").find()
    session._context = Model.get("res.user").get_preferences(True, session.context)  # noqa: SLF001  proteus has no other way
    create_chart(company)
    return company


def _fiscal_year(company: Any, year: int) -> None:
    fiscal_year = _new(
        "account.fiscalyear",
        name=str(year),
        start_date=dt.date(year, 1, 1),
        end_date=dt.date(year, 12, 31),
        move_sequence=_sequence(company, "Account Move", year),
    )
    invoices = _sequence(company, "Invoice", year)
    (sequences,) = fiscal_year.invoice_sequences
    for kind in ("out_invoice", "in_invoice", "out_credit_note", "in_credit_note"):
        setattr(sequences, f"{kind}_sequence", invoices)
    fiscal_year.save()
    fiscal_year.click("create_period")


def _sequence(company: Any, kind: str, year: int) -> Any:
    (sequence_type,) = Model.get("ir.sequence.type").find([("name", "=", kind)], limit=1)
    return _saved(
        "ir.sequence.strict",
        name=f"{kind} {year}",
        sequence_type=sequence_type,
        company=company,
        prefix=f"{year}-",
    )


def _tax(company: Any, accounts: dict[str, Any], rate: Decimal) -> None:
    name = f"{rate.scaleb(2).normalize():f} %"
    group = _saved("account.tax.group", name=name, code=name, kind="sale")
    _saved(
        "account.tax",
        name=name,
        description=name,
        type="percentage",
        rate=rate,
        group=group,
        company=company,
        invoice_account=accounts["tax"],
        credit_note_account=accounts["tax"],
    )


def _configuration() -> None:
    """Taxes rounded per line as shops do; invoices and shipments at once, so that both follow an edit of the sale."""
    account = Model.get("account.configuration")(1)
    account.tax_rounding = "line"
    term = _new("account.invoice.payment_term", name="At once")
    _add(term.lines, type="remainder")
    term.save()
    account.default_customer_payment_term = term
    account.save()
    sale = Model.get("sale.configuration")(1)
    sale.sale_invoice_method = "order"
    sale.sale_shipment_method = "order"
    sale.save()


def _products(accounts: dict[str, Any]) -> None:
    category = _saved(
        "product.category",
        name="Sales",
        accounting=True,
        account_revenue=accounts["revenue"],
        account_expense=accounts["expense"],
    )
    (unit,) = Model.get("product.uom").find([("name", "=", "Unit")])
    for code, name in SERVICES.items():
        template = _new(
            "product.template",
            name=name,
            code=code,
            type="service",
            default_uom=unit,
            salable=True,
            list_price=Decimal(0),
            account_category=category,
        )
        template.save()


def _warehouses() -> None:
    """Each with zones of its own, and a place for what is damaged. Tryton brings the first one along."""
    main, *others = WAREHOUSES
    locations = Model.get("stock.location")
    (first,) = locations.find([("type", "=", "warehouse")])
    (losses,) = locations.find([("type", "=", "lost_found")])
    first.code = main
    first.waste_locations.append(losses)
    first.save()
    for code in others:
        zones = {
            f"{zone}_location": _saved("stock.location", name=f"{zone} {code}", type="storage")
            for zone in ("input", "storage", "output")
        }
        warehouse = _new(
            "stock.location", name=code, code=code, type="warehouse", lost_found_location=losses, **zones
        )
        warehouse.waste_locations.append(locations(losses.id))
        warehouse.save()


def _carrier_and_packages() -> None:
    (freight,) = Model.get("product.product").find([("code", "=", "FREIGHT")])
    for name in ("DHL", "UPS"):
        party = _saved("party.party", name=name)
        _saved("carrier", party=party, carrier_product=freight)
    _saved("stock.package.type", name="Box")


def _journal(company: Any) -> None:
    _saved("account.payment.journal", name="Card", company=company, process_method="manual")


def _users() -> dict[str, str]:
    """One user for the REST key and one for the clerk, so that Tryton's own `write_uid` tells them apart."""
    users = Model.get("res.user")
    (company,) = Model.get("company.company").find()
    password = secrets.token_urlsafe(24)
    made = {}
    for login in ("ordersaga", CLERK):
        user = users(name=login.capitalize(), login=login, password=password)
        user.groups.extend(Model.get("res.group").find())
        user.companies.append(Model.get("company.company")(company.id))
        user.company = company
        user.save()
        made[login] = user
    application = _saved("res.user.application", user=made["ordersaga"], application="rest")
    return {"api_key": application.key, "user": CLERK, "password": password}


def _new(model: str, **values: Any) -> Any:
    return Model.get(model)(**values)


def _saved(model: str, **values: Any) -> Any:
    record = _new(model, **values)
    record.save()
    return record


def _add(lines: Any, **values: Any) -> None:
    line = lines.new()
    for name, value in values.items():
        setattr(line, name, value)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(furnish(sys.argv[1], sys.argv[2])) + "\n")

"""The commands, in the order in which --help shows them: module, name in it, summary."""

SUMMARY = """Carry every e-commerce order from paid to settled, as one durable workflow.

Start with `ordersaga demo`: it starts everything in a temporary folder, lets orders run while a worker is killed, and
audits the books of all systems. `ordersaga up` keeps an installation running in ./.ordersaga; the other commands
talk to it."""

COMMANDS = {
    "demo": (
        "entrypoints.cli.demo",
        "demo",
        "Watch orders run while a worker is killed, and audit all books.",
    ),
    "up": ("entrypoints.cli.installation", "up", "Start everything on this machine; Ctrl-C stops it."),
    "orders": ("entrypoints.cli.orders", "app", "Place, find, read, amend, hold and cancel orders."),
    "attention": ("entrypoints.cli.attention", "app", "See which orders stand still and why, and decide."),
    "ui": (
        "entrypoints.cli.ui",
        "ui",
        "Links into Temporal's Web UI: orders that are stuck, or one order's page.",
    ),
    "audit": ("entrypoints.cli.audit", "audit", "Check each promise, per order, on everybody's books."),
    "check": ("entrypoints.cli.check", "app", "Find what would trouble orders, before go-live."),
    "inbox": ("entrypoints.cli.inbox", "app", "See what came in and could not be used, and replay it."),
    "skus": ("entrypoints.cli.inbox", "skus", "Map a shop's lines without SKU to the merchant's."),
    "fault": ("entrypoints.cli.faults", "app", "Script trouble at the simulated world."),
    "bench": ("entrypoints.cli.bench", "bench", "Measure what an order costs, and what an idle one holds."),
    "worker": ("entrypoints.cli.worker", "worker", "One worker process (`up` starts one)."),
    "migrate": ("entrypoints.cli.migrate", "migrate", "Bring database and Temporal to this release."),
    "deploy": ("entrypoints.cli.deploy", "app", "Which build of the workers carries the orders."),
    "codec": ("entrypoints.cli.codec", "codec", "Show encrypted orders in the Web UI (`up` starts one)."),
    "erase": ("entrypoints.cli.erase", "erase", "Forget a customer: closed orders, inbox, histories."),
    "keys": ("entrypoints.cli.keys", "app", "The keys that encrypt what Temporal stores of an order."),
    "webhooks": ("entrypoints.cli.webhooks", "webhooks", "The webhook receiver process (`up` starts one)."),
    "api": ("entrypoints.cli.api", "api", "The API process."),
    "tokens": ("entrypoints.cli.tokens", "app", "Who gets into the API: create, list and revoke tokens."),
    "trail": (
        "entrypoints.cli.tokens",
        "trail",
        "What was asked through the API, by whom, and what became of it.",
    ),
    "simulator": (
        "adapters.simulated.__main__",
        "simulator",
        "The simulated world process (`up` starts one).",
    ),
}

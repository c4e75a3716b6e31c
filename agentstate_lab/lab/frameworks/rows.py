"""
All rows, in the order of the tables.

What a page promises is said in a few of its own words; "nothing" means that the page
does not speak of a death in the middle of a tool. `repair` says what to do about the
red cells. A row more is an adapter and an entry here; see CONTRIBUTING.md.
"""

from agentstate_lab.errors import InvalidValue

from .contender import Contender

KEY = "a key made of task and step, sent with every effect"
YES = f"{KEY}; and keep a yes with the run and the call that it was given for"
LANGGRAPH = ("langgraph", "langgraph-checkpoint-sqlite")
LANGGRAPH_PAGE = "https://docs.langchain.com/oss/python/langgraph/durable-execution"

CONTENDERS: tuple[Contender, ...] = (
    Contender(
        "naive",
        "the loop everyone writes first",
        "naive",
        repair=f"{KEY}: it still begins again, and no effect comes twice",
    ),
    Contender(
        "langgraph-sync",
        'LangGraph, graph, `durability="sync"`',
        "langgraph_graph",
        LANGGRAPH,
        {"durability": "sync"},
        LANGGRAPH_PAGE,
        "resumes “without reprocessing previous steps”; asks for idempotent effects",
        YES,
        approval="langgraph_approval",
        approval_page="https://docs.langchain.com/oss/python/langgraph/use-time-travel",
        approval_promise="interrupts after the checkpoint fire again, answers from"
        " before it are kept; of a yes among them, nothing",
    ),
    Contender(
        "langgraph-async",
        'LangGraph, graph, `durability="async"`',
        "langgraph_graph",
        LANGGRAPH,
        {"durability": "async"},
        LANGGRAPH_PAGE,
        "names a small risk that a checkpoint is not written when the process dies",
        f"{KEY}; and go on by `invoke(None, …)`: an empty `next` does not mean done",
        tries=3,
    ),
    Contender(
        "langgraph-exit",
        'LangGraph, graph, `durability="exit"`',
        "langgraph_graph",
        LANGGRAPH,
        {"durability": "exit"},
        LANGGRAPH_PAGE,
        "says that a failure in the middle cannot be recovered from",
        f'{KEY}; to keep the work as well, `durability="sync"`',
    ),
    Contender(
        "langgraph-functional",
        'LangGraph, functional API, `durability="sync"`',
        "langgraph_functional",
        LANGGRAPH,
        {"durability": "sync"},
        "https://docs.langchain.com/oss/python/langgraph/functional-api",
        "a finished task is not run again; asks for idempotent tasks",
        KEY,
    ),
    Contender(
        "openai-agents",
        "OpenAI Agents SDK, `SQLiteSession`",
        "openai_agents",
        ("openai-agents",),
        page="https://openai.github.io/openai-agents-python/sessions/",
        promise="keeps the history between runs; of a run that dies, nothing",
        repair=YES,
        approval="openai_approval",
        approval_page="https://openai.github.io/openai-agents-python/human_in_the_loop/",
        approval_promise="by default a decision is for one call; it is stored in the"
        " run's state, for whoever loads it; of a state loaded twice, nothing",
    ),
    Contender(
        "dbos",
        "DBOS, workflow with steps, SQLite",
        "dbos_workflow",
        ("dbos",),
        page="https://docs.dbos.dev/python/tutorials/step-tutorial",
        promise="resumes “from the last completed step”; a step in flight runs again",
        repair=KEY,
    ),
    Contender(
        "pydantic-ai",
        "Pydantic AI, history saved after each node",
        "pydantic_history",
        ("pydantic-ai-slim",),
        page="https://ai.pydantic.dev/message-history/",
        promise="shows how to store a history and go on with it; of a death, nothing",
        repair=KEY,
    ),
    Contender(
        "pydantic-ai-dbos",
        "Pydantic AI, `DBOSAgent`, SQLite",
        "pydantic_dbos",
        ("pydantic-ai-slim", "dbos"),
        page="https://ai.pydantic.dev/durable_execution/dbos/",
        promise="resumes from the last completed step; a step that fails starts again",
        repair=KEY,
    ),
    Contender(
        "agent-framework",
        "Microsoft Agent Framework, `FileCheckpointStorage`",
        "agent_framework_workflow",
        ("agent-framework-core",),
        page="https://learn.microsoft.com/agent-framework/workflows/checkpoints",
        promise="a checkpoint “at the end of each superstep”; of its inside, nothing",
        repair=KEY,
    ),
    Contender(
        "llamaindex",
        "LlamaIndex Workflows, context saved after each event",
        "llama_workflow",
        ("llama-index-workflows",),
        page="https://developers.llamaindex.ai/python/llamaagents/workflows/durable_workflows/",
        promise="a step in flight at the snapshot runs again",
        repair=KEY,
    ),
    Contender(
        "crewai",
        "CrewAI Flows, `@persist`, SQLite",
        "crewai_flow",
        ("crewai",),
        page="https://docs.crewai.com/en/guides/flows/mastering-flow-state",
        promise="loads the state by its id; of methods that were done, nothing",
        repair=f"{KEY}; and a first method that looks at the state before it acts",
        environment="crewai",
    ),
    Contender(
        "burr",
        "Burr, `SQLitePersister`",
        "burr_application",
        ("apache-burr",),
        page="https://burr.apache.org/concepts/state-persistence/",
        promise="loads the last state, goes on at the next action; of a death, nothing",
        repair=KEY,
    ),
    Contender(
        "strands",
        "Strands Agents, `FileSessionManager`",
        "strands_session",
        ("strands-agents",),
        page="https://strandsagents.com/docs/user-guide/concepts/agents/session-management/",
        promise="continues conversations “where they left off”; of a death, nothing",
        repair=KEY,
    ),
    Contender(
        "ours-json", "ours, JSON file", "ours", store="json", approval="ours_approval"
    ),
    Contender(
        "ours-sqlite", "ours, SQLite", "ours", store="sqlite", approval="ours_approval"
    ),
    Contender(
        "ours-postgresql",
        "ours, PostgreSQL",
        "ours",
        store="postgresql",
        approval="ours_approval",
    ),
)


def contender_named(name: str) -> Contender:
    """The row called *name*."""
    for one in CONTENDERS:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in CONTENDERS)
    raise InvalidValue("framework", f"{name!r:.100} is none of {known}")

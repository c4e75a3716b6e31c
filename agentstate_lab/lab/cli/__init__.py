"""
The commands of `agentstate-lab`, in six groups.

    runs        run an agent, count what happened, kill it everywhere
    tasks       what is stored of a task, and a person's answers to it
    work        workers on the queue of a store
    practice    the exercises: progress, hints, checks, a fresh stub
    machine     what runs beside the notebooks, and whether this machine is fit
    serving     tasks for other agents, over MCP

A group has an `add_to`, which tells the parser its commands, and one function for
each. A command reads its arguments, calls the module that knows, prints, and returns
its exit status. Heavy modules load when their command runs. This package decides
nothing else; `__main__` puts the groups together.
"""

"""
One framework a module: the job of the course, built as that framework's page says.

A module has `run(job, *, keyed, …)`: begin, or go on with what is stored under
`job.task_id`. Some have `fork` as well. Nothing here is imported until its row is
tried, since each of them stands on a library that the course does not need.

To add one:

1. a module here, at most 60 lines: the page in its docstring, the records at
   `place(job)`, the tools through `act`, `results` or `functions`;
2. its package in the extra `frameworks` of `pyproject.toml`, and `make framework-pins`
   (a framework that wants other versions than the rest gets a file of its own, as
   `benchmarks/crewai.in`);
3. its row in `rows.py`, with what the page promises and what to do about red cells;
4. `make frameworks ONLY=name`: the row is in `benchmarks/FRAMEWORKS.md`, and the
   command beside each red cell shows it again.
"""

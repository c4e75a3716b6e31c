"""
One framework a module: the job of the course, built as that framework's page says.

A module has `run(job, *, keyed, …)`: begin, or go on with what is stored under
`job.task_id`. Some have `fork` as well. Nothing here is imported until its row is
tried, since each of them stands on a library that the course does not need.
"""

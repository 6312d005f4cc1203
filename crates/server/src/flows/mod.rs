//! Task flows: procedures become tasks, sub-tasks and jobs.

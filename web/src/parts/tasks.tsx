/** Runs of procedures and their steps. */

import type { Subtask, Task } from "../api_types.ts";
import { useTexts } from "../i18n/index.ts";
import { isUnderWay } from "../states.ts";
import { Bar, StateWord } from "./bits.tsx";

export function Tasks({ tasks }: { tasks: Task[] }) {
  const t = useTexts();
  return (
    <section class="card">
      <h2>{t.tasks}</h2>
      {tasks.length === 0 && <p class="hint">{t.noTasks}</p>}
      {tasks.map((task) => (
        <div class="task" key={task.id}>
          <p>
            <strong>{task.procedure}</strong> <StateWord state={task.state} />
          </p>
          <ul>
            {task.subtasks.map((step) => (
              <Step key={`${step.kind}/${step.definition}`} step={step} />
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

function Step({ step }: { step: Subtask }) {
  const t = useTexts();
  const name = t.kinds[step.kind.toLowerCase()] ?? step.kind;
  const trouble = [step.err_code_ext, step.message].filter(Boolean).join(": ");
  return (
    <li class="step">
      <span>
        {name} {step.definition > 0 && <small class="number">{step.definition}</small>}
      </span>
      <StateWord state={step.state} />
      {isUnderWay(step.state) && <Bar label={name} percent={step.progress} />}
      {trouble && <p class="trouble">{trouble}</p>}
    </li>
  );
}

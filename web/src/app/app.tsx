/** The frame of the page. */
import { model, server } from "../state/store.js";

export function App() {
  return (
    <main>
      <h1>llama-ts</h1>
      <p>{server.value.kind}</p>
      <p>{model.value?.name}</p>
    </main>
  );
}

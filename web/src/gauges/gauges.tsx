/** What the model does, in numbers: tokens of the prompt, reused, context, speed, place in the queue. Reads the state. */
export function Gauges() {
  return <p class="gauges">Gauges</p>;
}

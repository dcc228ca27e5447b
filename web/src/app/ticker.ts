/** The time for what is drawn again each second. */
import { useEffect, useState } from "preact/hooks";

/** Date.now(), again each `milliseconds` while shown. */
export function useNow(milliseconds = 500): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
  return now;
}

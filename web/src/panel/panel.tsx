/** The parameters of requests, each with the server's default and a way back to it. Reads and changes the state. */
import type { VNode } from "preact";
import { saveSoon } from "../history/database.js";
import { change, conversation } from "../state/store.js";
import { LengthSetting, SeedSetting, StopSetting } from "./answer-settings.js";
import { GROUPS } from "./fields.js";
import { NumberSetting } from "./number-setting.js";
import "./panel.css";
import { SettingRow } from "./setting-row.js";

export function Panel(): VNode {
  const { mode, settings } = conversation.value;
  const changed = Object.keys(settings).length;
  return (
    <div class="settings">
      {mode === "chat" && <SystemSetting />}
      <section>
        <h3>Answer</h3>
        <LengthSetting />
        <StopSetting />
        <SeedSetting />
      </section>
      {GROUPS.map(({ title, fields }) => (
        <section key={title}>
          <h3>{title}</h3>
          {fields.map((field) => (
            <NumberSetting key={field.name} field={field} />
          ))}
        </section>
      ))}
      <button type="button" class="button" disabled={changed === 0} onClick={() => setSettings({})}>
        {changed === 0 ? "All are the server's defaults" : `Back to all defaults (${changed} changed)`}
      </button>
    </div>
  );
}

function setSettings(settings: typeof conversation.value.settings): void {
  change({ settings });
  saveSoon(conversation.value);
}

function SystemSetting(): VNode {
  const { system } = conversation.value;
  const set = (text: string) => {
    change({ system: text });
    saveSoon(conversation.value);
  };
  return (
    <SettingRow
      {...{ id: "setting-system", label: "System text", hint: "What the model reads before the first message" }}
      {...{ isChanged: system !== "", fallback: "the server's", onReset: () => set("") }}
    >
      <textarea
        id="setting-system"
        rows={4}
        aria-describedby="setting-system-hint"
        placeholder="The server's own, if it has one"
        value={system}
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
    </SettingRow>
  );
}

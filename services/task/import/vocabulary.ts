/**
 * How other tools name and write what a task has: data, and its only place. Names and words are in lower case, without blanks and
 * punctuation; a dot leads into a JSON object. The likeliest comes first. Of other languages, German, Spanish, Portuguese, French, Italian,
 * Dutch and Polish, names are the commonest ones, also as they are spelled without accents.
 */

/** Columns and keys by what they are here. */
export const NAMES = {
  description: [
    ...['title', 'taskname', 'task', 'summary', 'name', 'cardname', 'subject', 'headline', 'todo', 'todos', 'item'],
    ...['itemname', 'content', 'text', 'heading', 'what', 'action', 'taskdescription', 'taskcontent', 'tasktitle'],
    ...['titel', 'título', 'titulo', 'titre', 'titolo', 'tytuł', 'tytul', 'aufgabe', 'aufgaben', 'tarea', 'tareas'],
    ...['tarefa', 'tarefas', 'tâche', 'tache', 'tâches', 'taches'],
    ...['attività', 'attivita', 'taak', 'zadanie', 'zadania'],
    ...['betreff', 'asunto', 'assunto', 'objet', 'oggetto', 'onderwerp'],
    ...['temat', 'nombre', 'nome', 'nom', 'naam', 'nazwa'],
    // A title where none of the above stands beside it, and notes otherwise.
    ...['beschreibung', 'descripción', 'descripcion', 'descrição', 'descricao', 'descrizione', 'omschrijving'],
    ...['beschrijving', 'opis'],
  ],
  due: [
    ...['due', 'duedate', 'dueon', 'dueat', 'duedatetime', 'due.datetime', 'due.date', 'duedatetime.datetime', 'dueby'],
    ...['deadline', 'deadline.date', 'enddate', 'date', 'when', 'until', 'targetdate', 'finishby', 'milestone.dueon'],
    ...['fällig', 'fälligam', 'fälligkeit', 'fälligkeitsdatum', 'frist', 'vencimiento', 'fechadevencimiento'],
    ...['fechalímite', 'fechalimite', 'fechadeentrega', 'vencimento'],
    ...['datadevencimento', 'prazo', 'échéance', 'echeance'],
    ...['datedéchéance', 'datedecheance', 'datelimite', 'scadenza', 'datadiscadenza', 'vervaldatum', 'einddatum'],
    ...['termin', 'terminwykonania', 'datum', 'fecha'],
  ],
  start: [
    ...['start', 'startdate', 'starton', 'startat'],
    ...['startdatetime', 'startdatetime.datetime', 'deferdate', 'deferuntil'],
    ...['scheduled', 'begin', 'begindate', 'threshold', 'availablefrom'],
    ...['beginn', 'startdatum', 'begindatum', 'inicio', 'fechadeinicio', 'início', 'datadeinício', 'datadeinicio'],
    ...['début', 'debut', 'datededébut', 'datededebut', 'inizio', 'datadiinizio', 'datarozpoczęcia', 'datarozpoczecia'],
  ],
  priority: [
    ...['priority', 'prio', 'pri', 'importance', 'urgency', 'severity', 'prioritylevel'],
    ...['priorität', 'wichtigkeit', 'prioridad', 'prioridade', 'priorité'],
    ...['priorite', 'priorità', 'priorita', 'prioriteit'],
    ...['priorytet', 'importancia', 'importância', 'importanza'],
  ],
  isDone: [
    ...['done', 'isdone', 'iscompleted', 'duecomplete', 'checked', 'ischecked', 'finished', 'isfinished', 'complete'],
    ...['completedat', 'completedtime', 'completedon', 'completiondate', 'datecompleted', 'resolved', 'closedat'],
    ...['erledigt', 'abgeschlossen', 'fertig', 'hecho', 'hecha', 'completado', 'completada', 'terminado', 'terminada'],
    ...['feito', 'feita', 'concluído', 'concluída', 'concluido', 'concluida', 'fait', 'faite', 'terminé', 'terminée'],
    ...['fatto', 'fatta', 'completato', 'completata', 'gedaan', 'voltooid', 'afgerond', 'klaar', 'zrobione'],
    ...['ukończone', 'ukonczone', 'wykonane'],
    ...['completed', 'status', 'state', 'progress', 'todostate', 'todokeyword', 'closed'],
    ...['estado', 'statut', 'état', 'etat', 'stato'],
  ],
  tags: [
    ...['tags', 'tag', 'labels', 'label', 'labels.name', 'labels.title', 'tags.name', 'categories', 'category'],
    ...['contexts', 'context', 'keywords'],
    ...['schlagwörter', 'schlagworte', 'etiketten', 'kategorien', 'kategorie', 'etiquetas', 'etiqueta', 'marcadores'],
    ...['étiquettes', 'étiquette', 'etiquettes', 'etichette', 'etichetta', 'trefwoorden', 'etykiety', 'tagi'],
    ...['categorías', 'categoría', 'categorias', 'categoria', 'catégories', 'catégorie', 'categorie'],
    ...['categorieën', 'kategoria'],
  ],
  key: ['taskid', 'issuekey', 'issueid', 'uid', 'uuid', 'guid', 'gid', 'itemid', 'identifier', 'cardid', 'key'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** What stands beside a title, and goes below it. */
export const NOTES = [
  ...['notes', 'note', 'content', 'body', 'body.content', 'desc', 'details', 'memo', 'longdescription'],
  ...['carddescription', 'annotations.description'],
  ...['notizen', 'notiz', 'beschreibung', 'bemerkungen', 'bemerkung', 'notas', 'nota', 'observaciones', 'observações'],
  ...['descripción', 'descripcion', 'descrição', 'descricao', 'remarques', 'descrizione', 'notities', 'notitie'],
  ...['opmerkingen', 'omschrijving', 'beschrijving', 'notatki', 'notatka', 'uwagi', 'opis'],
];

/** Where a JSON document has its tasks. */
export const LISTS = ['tasks', 'items', 'items.items', 'cards', 'value', 'issues', 'todos', 'todo', 'data', 'results'];

/** What the cells of a column say. */
export const WORDS = {
  priority: {
    high: ['high', 'highest', 'urgent', 'critical', 'blocker', 'major', 'important', 'asap', 'p0', 'p1', 'a', '!!!'],
    medium: ['medium', 'med', 'normal', 'moderate', 'p2', 'b', '!!'],
    low: ['low', 'lowest', 'minor', 'trivial', 'p3', 'c', '!'],
    none: ['none', 'no', 'nopriority', 'unset', 'notset', 'p4', 'p5', '-'],
  },
  isDone: {
    yes: [
      ...[
        'true',
        'yes',
        'y',
        '1',
        'x',
        '[x]',
        '✓',
        '✔',
        '✅',
        '☑',
        'done',
        'completed',
        'complete',
        'finished',
        'closed',
      ],
      // As Excel writes TRUE in the language of its machine; below, FALSE.
      ...['wahr', 'vrai', 'verdadero', 'vero', 'verdadeiro', 'waar', 'sant', 'sand', 'sann', 'tosi', 'prawda'],
      ...['pravda', 'igaz', 'doğru', 'истина'],
      ...['resolved', 'checked', 'archived', 'cancelled', 'canceled', "won'tdo", 'wontdo', '100%'],
    ],
    no: [
      ...[
        'false',
        'no',
        'n',
        '0',
        '[]',
        '☐',
        'open',
        'todo',
        'notdone',
        'notstarted',
        'inprogress',
        'started',
        'doing',
      ],
      ...['falsch', 'faux', 'falso', 'onwaar', 'falskt', 'falsk', 'usann', 'epätosi', 'fałsz', 'nepravda', 'hamis'],
      ...['yanlış', 'yanliş', 'ложь'],
      ...[
        'needsaction',
        'pending',
        'new',
        'backlog',
        'next',
        'waiting',
        'waitingonothers',
        'waitingonsomeoneelse',
        'blocked',
        'inreview',
      ],
      ...[
        'incomplete',
        'uncompleted',
        'unchecked',
        'active',
        'deferred',
        'someday',
        'triage',
        'reopened',
        'opened',
        '0%',
      ],
    ],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** Dates that are none. */
export const NO_DATE = ['-', 'none', 'null', 'nodate', 'n/a', '0', '0001-01-01t00:00:00z', '0000-00-00'];

export interface Tool {
  readonly name: string;
  /** Columns or keys that no other tool has together. */
  readonly has: readonly string[];
  /** What its columns or keys are, where their names say something else; '' is left out. */
  readonly means?: Readonly<Record<string, string>>;
  /** Rows that are tasks. */
  readonly only?: string;
  /** What its numbers and words mean, where they mean something else elsewhere. */
  readonly values?: readonly string[];
}

export const TOOLS: readonly Tool[] = [
  {
    name: 'Todoist',
    has: ['type', 'content', 'priority', 'indent'],
    // Beside it stands DEADLINE, which few of its tasks have.
    means: { date: 'due' },
    only: 'TYPE=task',
    values: ['priority=1:high,2:medium,3:low,4:none'],
  },
  {
    name: 'TickTick',
    has: ['listname', 'ischecklist'],
    // It counts the rows of one export, and names another task in the next.
    means: { taskid: '' },
    values: ['priority=5:high,3:medium,1:low,0:none'],
  },
  // Its numbers are those of an outline, and move with it.
  { name: 'OmniFocus', has: ['context', 'flagged', 'completiondate'], means: { taskid: '' } },
  {
    name: 'Outlook',
    has: ['subject', 'schedulepriority', 'status'],
    // Beside it stands "% Complete", whose numbers are neither done nor open.
    means: { status: 'isDone' },
    values: ['priority=normal:none'],
  },
  {
    name: 'Things',
    has: ['uuid', 'startdate', 'stopdate'],
    // Its word, such as Anytime, is no date.
    means: { start: '', startdate: 'start' },
    only: 'type=to-do',
  },
  {
    name: 'Taskwarrior',
    has: ['uuid', 'entry', 'urgency'],
    // Its number is 0 for all that are done, and moves for the others.
    means: { id: '', uuid: 'key' },
    only: 'status=pending,waiting,completed',
    values: ['priority=H:high,M:medium,L:low'],
  },
  { name: 'Microsoft To Do', has: ['importance', 'isreminderon'], values: ['priority=normal:none'] },
  {
    name: 'Vikunja',
    has: ['percentdone', 'hexcolor'],
    values: ['priority=5:high,4:high,3:high,2:medium,1:low,0:none'],
  },
  { name: 'Asana', has: ['taskid', 'section/column', 'assigneeemail'].map((name) => name.replace('/', '')) },
  { name: 'Jira', has: ['issuekey', 'issueid', 'summary'] },
  { name: 'Linear', has: ['team', 'title', 'cyclenumber'] },
  { name: 'Trello', has: ['idboard', 'duecomplete'] },
  { name: 'Trello', has: ['cardid', 'cardname', 'boardid'] },
  { name: 'Google Tasks', has: ['selflink', 'position', 'status'] },
];

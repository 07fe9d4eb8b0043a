"""The content of a statement becomes text on PostgreSQL, which writes it in a part of the time.

The table is written anew. On SQLite it was text before.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from wattpurse_tools.record.json_text_field import JsonTextField


def change_type(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Change the type of the column."""
    if editor.connection.vendor == "postgresql":
        editor.execute("ALTER TABLE statements ALTER COLUMN content TYPE json USING content::json")


class Migration(migrations.Migration):
    dependencies = [("record", "0010_account_balances")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AlterField("statement", "content", JsonTextField(default=dict))],
            database_operations=[migrations.RunPython(change_type, migrations.RunPython.noop)],
        )
    ]

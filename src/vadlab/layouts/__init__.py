"""What datasets share: listing and splitting videos, and folders in which several sets come."""
